import { Injectable } from '@nestjs/common';
import {
  type CreateLoraConfig,
  type DeletedLoraConfig,
  type ListLoraConfigsQuery,
  type LoraConfig,
  type Page,
  type UpdateLoraConfig,
} from '@influencerai/shared';
import { assertMeta } from '../http/json-limits.js';
import type { WithId } from '../idempotency/creation-id.js';
import { assertOutputPath } from '../storage/output-path.js';
import { Storage } from '../storage/storage.js';
import type { Principal } from '../auth/principal.js';
import { LoraConfigsRepository } from './lora-configs.repository.js';

const DEFAULT_DELETED = 'Deleted the default LoRA configuration. Consider setting a new default.';

@Injectable()
export class LoraConfigsService {
  constructor(
    private readonly configs: LoraConfigsRepository,
    private readonly storage: Storage,
  ) {}

  /** @throws AppError `validation_failed`, `lora_config_name_taken` */
  async create({ tenantId }: Principal, input: WithId<CreateLoraConfig>): Promise<LoraConfig> {
    await this.check(tenantId, input);
    return this.configs.create(tenantId, input);
  }

  list({ tenantId }: Principal, query: ListLoraConfigsQuery): Promise<Page<LoraConfig>> {
    return this.configs.list(tenantId, query);
  }

  get({ tenantId }: Principal, id: string): Promise<LoraConfig> {
    return this.configs.getById(tenantId, id);
  }

  /**
   * Changes the given fields. Jobs keep the values that they were submitted with.
   * @throws AppError `validation_failed`, `lora_config_not_found`, `lora_config_name_taken`
   */
  async update({ tenantId }: Principal, id: string, input: UpdateLoraConfig): Promise<LoraConfig> {
    await this.check(tenantId, input);
    if (Object.values(input).every((value) => value === undefined)) return this.configs.getById(tenantId, id);
    return this.configs.update(tenantId, id, input);
  }

  /** @throws AppError `lora_config_not_found`, `lora_config_in_use` */
  async delete({ tenantId }: Principal, id: string): Promise<DeletedLoraConfig> {
    const { isDefault } = await this.configs.delete(tenantId, id);
    return { success: true, warnings: isDefault ? [DEFAULT_DELETED] : [] };
  }

  private async check(tenantId: string, { meta, outputPath }: UpdateLoraConfig): Promise<void> {
    if (meta) assertMeta(meta);
    if (typeof outputPath !== 'string') return;
    await assertOutputPath(this.storage, { tenantId, path: outputPath }, ['outputPath']);
  }
}
