import type { Adapter, AdapterMetrics, AdapterStatus } from '@influencerai/shared';
import { publicPathOf } from '../storage/tenant-roots.js';

/** A row of the table `adapter` with the artifact that it names. */
export interface AdapterRow {
  id: string;
  tenantId: string;
  jobId: string;
  fileName: string;
  name: string;
  description: string | null;
  kind: string;
  baseModel: string;
  trainer: string;
  triggerWords: string[];
  trainingConfig: unknown;
  metrics: unknown;
  status: AdapterStatus;
  statusReason: string | null;
  statusAt: Date;
  runtime: string | null;
  holder: string | null;
  loadedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  artifact: { sizeBytes: bigint; sha256: string; storageKey: string };
}

/** An adapter with what only the service itself needs. */
export interface AdapterRecord {
  adapter: Adapter;
  /** Changes with the status: what a change must name. */
  holder: string | null;
  statusAt: Date;
}

export const fromRow = (row: AdapterRow): AdapterRecord => ({
  holder: row.holder,
  statusAt: row.statusAt,
  adapter: {
    id: row.id,
    tenantId: row.tenantId,
    name: row.name,
    description: row.description,
    jobId: row.jobId,
    kind: row.kind as Adapter['kind'],
    baseModel: row.baseModel,
    trainer: row.trainer as Adapter['trainer'],
    triggerWords: row.triggerWords,
    trainingConfig: row.trainingConfig as Adapter['trainingConfig'],
    metrics: toMetrics(row.metrics as Record<string, unknown>),
    fileName: row.fileName,
    sizeBytes: Number(row.artifact.sizeBytes),
    sha256: row.artifact.sha256,
    path: publicPathOf(row.artifact.storageKey),
    url: `/adapters/${row.name}/download`,
    status: row.status,
    statusReason: row.statusReason,
    runtime: row.runtime,
    servedAs: `${row.tenantId}/${row.name}`,
    loadedAt: row.loadedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  },
});

/** A result is what its writer made of it, so that every value may be missing or something else. */
const toMetrics = (values: Record<string, unknown>): AdapterMetrics => ({
  finalLoss: number(values['finalLoss']),
  initialLoss: number(values['initialLoss']),
  steps: number(values['steps']),
  trainingTimeMinutes: number(values['trainingTimeMinutes']),
});

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
