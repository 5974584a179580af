import { isBuiltIn, TrainerIdSchema, type TrainerId } from '@influencerai/shared';
import type { Programs } from '../programs.js';
import type { ContainerEngine } from './container-engine.js';

const VERSION_LABEL = 'org.opencontainers.image.version';

/** The programs of the trainers' images: where docker/trainers/*.Dockerfile puts them. */
export const containerPrograms = (engine: ContainerEngine, images: Record<TrainerId, string>): Programs => ({
  find: async (name) => {
    const [trainer, what] = name.split(':');
    const { data: id } = TrainerIdSchema.safeParse(trainer);
    if (!id || !(await engine.image(images[id]))) return undefined;
    return programIn(id, what);
  },
  version: async (trainer) => {
    const image = await engine.image(images[trainer]);
    return image?.labels[VERSION_LABEL] ?? image?.id;
  },
  // Nobody looks into an image before it runs.
  hasPackage: () => Promise.resolve(undefined),
});

const programIn = (trainer: TrainerId, what: string | undefined): [string, ...string[]] => {
  if (isBuiltIn(trainer)) return ['node', '/opt/trainer/dist/main.js'];
  const python = '/opt/trainer/venv/bin/python';
  if (what === 'python') return [python];
  return [python, '/opt/trainer/drivers', trainer, '--home', '/opt/trainer/source'];
};
