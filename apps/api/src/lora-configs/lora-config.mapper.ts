import type { LoraConfig } from '@influencerai/shared';

/** A row of the table `lora_config`. */
export interface LoraConfigRow extends Omit<LoraConfig, 'meta' | 'createdAt' | 'updatedAt'> {
  meta: unknown;
  createdAt: Date;
  updatedAt: Date;
}

/** The JSON column is only ever written from the type that it is read as. */
export const fromRow = (row: LoraConfigRow): LoraConfig => ({
  id: row.id,
  tenantId: row.tenantId,
  name: row.name,
  description: row.description,
  modelName: row.modelName,
  epochs: row.epochs,
  learningRate: row.learningRate,
  batchSize: row.batchSize,
  resolution: row.resolution,
  networkDim: row.networkDim,
  networkAlpha: row.networkAlpha,
  outputPath: row.outputPath,
  meta: row.meta as LoraConfig['meta'],
  isDefault: row.isDefault,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});
