import type { Model } from '@influencerai/shared';
import type { AvailableModel } from './base-models.service.js';

/** Without the path, which is the operator's business. */
export const fromModel = ({ name, source }: AvailableModel): Model => ({ name, source });
