import { Inject, Injectable } from '@nestjs/common';
import { AppError, type Model } from '@influencerai/shared';
import { findModel, type ModelRegistry } from '@influencerai/trainers';
import { MODELS } from '../models.js';
import { HubCacheRepository } from './hub-cache.repository.js';

/** A model that can be trained here, and where it lies. */
export interface AvailableModel extends Model {
  /** File or folder on the host, or what the hub calls it; null for what comes with the service. */
  path: string | null;
}

const BUILT_IN = ['tiny', 'tiny-text', 'tiny-image'];
/** An error names at most so many. */
const MOST_NAMED = 20;

/** The base models that are there to be trained: built in, in `models.yaml`, or in the cache of the hub. */
@Injectable()
export class BaseModelsService {
  constructor(
    @Inject(MODELS) private readonly registry: ModelRegistry,
    private readonly cache: HubCacheRepository,
  ) {}

  /** Each name once: what the operator says of a model counts more than what lies in the cache. */
  async list(): Promise<AvailableModel[]> {
    const registered = Object.entries(this.registry.models).map(([name, { model }]): AvailableModel => ({
      name,
      source: 'registry',
      path: model,
    }));
    const cached = (await this.cache.list()).filter(({ name }) => !findModel(this.registry, name));
    return [
      ...BUILT_IN.map((name): AvailableModel => ({ name, source: 'built-in', path: null })),
      ...registered,
      ...cached.map(({ name, path }): AvailableModel => ({ name, source: 'cache', path })),
    ];
  }

  /** Upper and lower case do not matter, as where jobs are matched with trainers. @throws AppError `model_not_available` */
  async get(name: string): Promise<AvailableModel> {
    const models = await this.list();
    const wanted = name.trim().toLowerCase();
    const found = models.find((model) => model.name.trim().toLowerCase() === wanted);
    if (!found) throw new AppError('model_not_available', { model: name, available: namesOf(models) });
    return found;
  }

  /** As {@link get}, with a sentence for one that is not available. */
  async look(name: string): Promise<AvailableModel | string> {
    try {
      return await this.get(name);
    } catch (error) {
      if (error instanceof AppError) return error.message;
      throw error;
    }
  }
}

function namesOf(models: readonly Model[]): string {
  const names = models.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = models.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
