import type { CreateLoraConfig, LoraConfig } from '@influencerai/shared';
import type { Prisma } from '../database/generated/client.js';
import type { LoraConfigModel } from '../database/generated/models.js';

/** The JSON column is only ever written from the type that it is read as. */
export const fromRow = (row: LoraConfigModel): LoraConfig => ({
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

/** Fields of a configuration as Prisma takes them. */
export const toData = <T extends Partial<CreateLoraConfig>>(input: T) => ({
  ...input,
  meta: input.meta as Prisma.InputJsonObject | undefined,
});
