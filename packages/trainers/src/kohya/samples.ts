import type { TrainingSpec } from '@influencerai/shared';
import type { FamilyTraits } from './families.js';
import type { KohyaDataset } from './dataset.js';
import type { KohyaSettings } from './settings.js';

export const PROMPTS_FILE = 'prompts.json';
const PROMPTS_OF_DATASET = 2;
const DEFAULT_STEPS = 20;
const CLASSIFIER_FREE = 7.5;

/** Without prompts of its own a job shows what it learned on captions of its dataset. */
export const promptsFor = (spec: TrainingSpec, { images }: KohyaDataset): string[] => {
  if (spec.samples.prompts !== null) return spec.samples.prompts;
  const captions = images.map(({ caption }) => caption).filter((caption) => caption !== '');
  return [...new Set(captions)].slice(0, PROMPTS_OF_DATASET);
};

/** As JSON, since kohya's text form takes options such as `--n` out of the prompt. */
export const promptsFile = (
  prompts: readonly string[],
  { spec, settings, traits, seed }: { spec: TrainingSpec; settings: KohyaSettings; traits: FamilyTraits; seed: number },
): string => {
  const side = Math.max(64, Math.floor(spec.training.resolution / 64) * 64);
  const entries = prompts.map((prompt, index) => ({
    prompt,
    width: side,
    height: side,
    sample_steps: settings.given.sampleSteps ?? DEFAULT_STEPS,
    ...(!traits.isFlow && { scale: CLASSIFIER_FREE }),
    seed: (seed + index) % 2 ** 32,
  }));
  return `${JSON.stringify(entries, null, 2)}\n`;
};
