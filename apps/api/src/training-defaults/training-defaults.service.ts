import { Injectable } from '@nestjs/common';
import type { TrainingDefaults, UpdateTrainingDefaults } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { TrainingDefaultsRepository } from './training-defaults.repository.js';

/** What jobs of a tenant begin with that leave values out, on the faces that promise it. */
@Injectable()
export class TrainingDefaultsService {
  constructor(private readonly defaults: TrainingDefaultsRepository) {}

  get({ tenantId }: Principal): Promise<TrainingDefaults> {
    return this.defaults.get(tenantId);
  }

  update({ tenantId }: Principal, change: UpdateTrainingDefaults): Promise<TrainingDefaults> {
    return this.defaults.update(tenantId, change);
  }
}
