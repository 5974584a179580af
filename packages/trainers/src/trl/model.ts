import { AppError, type TrainingSpec } from '@influencerai/shared';
import { isAbsolute } from 'node:path/posix';
import type { PlanContext } from '../trainer.js';

/** `namespace/name` as the hub has them: no path, no URL, no option. */
const HUB_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const CHAT_TEMPLATE_FILE = 'chat_template.jinja';

export interface TrlBase {
  /** Folder or hub id. */
  model: string;
  isLocal: boolean;
  /** Jinja file, for models whose tokenizer has no template. */
  chatTemplate: string | undefined;
}

/** Name of the link to the operator's template. TRL reads a `.jinja` file; any other name is a model to copy from. */
export const chatTemplateLink = CHAT_TEMPLATE_FILE;

/**
 * The base that is trained: what the operator's registry says, or a plain hub id.
 * @throws AppError `model_unavailable`
 */
export const baseFor = ({ baseModel }: TrainingSpec, { model: entry }: PlanContext): TrlBase => {
  if (entry && entry.trainer !== 'trl') {
    throw unavailable(baseModel, `the registry of models sets it up for ${entry.trainer}, not for trl`);
  }
  if (entry) return { model: entry.model, isLocal: isAbsolute(entry.model), chatTemplate: entry.chatTemplate };
  if (!isHubId(baseModel)) {
    throw unavailable(
      baseModel,
      'the registry of models does not name it, and it is no hub id of the form "name/model"',
    );
  }
  return { model: baseModel, isLocal: false, chatTemplate: undefined };
};

/** Whether a host could look for the model on the hub. */
export const isHubId = (name: string): boolean => HUB_ID.test(name) && !name.includes('..') && !name.includes('--');

const unavailable = (model: string, reason: string): AppError => new AppError('model_unavailable', { model, reason });
