import { Injectable } from '@nestjs/common';
import { TRAINING_DEFAULTS, type TrainingDefaults, type UpdateTrainingDefaults } from '@influencerai/shared';
import type { PreparedQuery } from '../database/connections.js';
import { TenantDatabase } from '../database/tenant-database.js';

type DefaultsRow = Omit<TrainingDefaults, 'createdAt' | 'updatedAt'> & { createdAt: Date; updatedAt: Date };

/** A row for each tenant that has changed something; what has not been changed is as old as its tenant, then and before. */
@Injectable()
export class TrainingDefaultsRepository {
  constructor(private readonly database: TenantDatabase) {}

  async get(tenantId: string): Promise<TrainingDefaults> {
    const [row] = await this.database.query<DefaultsRow>(tenantId, GET, [tenantId, ...valuesOf(TRAINING_DEFAULTS)]);
    return fromRow(row!);
  }

  /** Changes what is given, in one statement: of changes at the same time none is lost. */
  async update(tenantId: string, change: UpdateTrainingDefaults): Promise<TrainingDefaults> {
    const initial = FIELDS.map((field) => change[field] ?? TRAINING_DEFAULTS[field]);
    const values = [tenantId, ...initial, ...valuesOf(change)];
    const [row] = await this.database.query<DefaultsRow>(tenantId, UPDATE, values);
    return fromRow(row!);
  }
}

const fromRow = ({ createdAt, updatedAt, ...values }: DefaultsRow): TrainingDefaults => ({
  ...values,
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});

/** Columns by field, in the order of {@link valuesOf}. */
const COLUMNS: Readonly<Record<keyof UpdateTrainingDefaults, string>> = {
  modelName: 'model_name',
  trainingType: 'training_type',
  batchSize: 'batch_size',
  learningRate: 'learning_rate',
  epochs: 'epochs',
  networkDim: 'network_dim',
  networkAlpha: 'network_alpha',
  loraDropout: 'lora_dropout',
  maxConcurrentWorkers: 'max_concurrent_workers',
  autoStartWorkers: 'auto_start_workers',
};
const FIELDS = Object.keys(COLUMNS) as (keyof UpdateTrainingDefaults)[];
const columns = FIELDS.map((field) => COLUMNS[field]);

const valuesOf = (values: UpdateTrainingDefaults): unknown[] => FIELDS.map((field) => values[field] ?? null);

const RETURNED = (table: string) =>
  [...FIELDS.map((field) => `${table}.${COLUMNS[field]} as "${field}"`)].concat(
    `${table}.created_at as "createdAt"`,
    `${table}.updated_at as "updatedAt"`,
  );

const GET: PreparedQuery = {
  name: 'training-defaults-get',
  text: `select ${FIELDS.map((field, at) => `coalesce(d.${COLUMNS[field]}, $${at + 2}) as "${field}"`).join(', ')},
      coalesce(d.created_at, t.created_at) as "createdAt", coalesce(d.updated_at, t.created_at) as "updatedAt"
    from tenant t left join training_defaults d on d.tenant_id = t.id where t.id = $1`,
};

const UPDATE: PreparedQuery = {
  name: 'training-defaults-update',
  text: `insert into training_defaults as d (tenant_id, created_at, ${columns.join(', ')})
    values ($1, (select created_at from tenant where id = $1), ${columns.map((_, at) => `$${at + 2}`).join(', ')})
    on conflict (tenant_id) do update set updated_at = now(),
      ${columns.map((column, at) => `${column} = coalesce($${at + 2 + columns.length}, d.${column})`).join(', ')}
    returning ${RETURNED('d').join(', ')}`,
};
