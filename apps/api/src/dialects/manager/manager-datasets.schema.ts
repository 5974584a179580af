import { z } from 'zod';
import { ignored } from '../ignored.schema.js';
import { orLeftOut } from '../left-out.schema.js';
import { pageOfSchema, pageQuerySchema } from './manager.schema.js';

export const ListDatasetsQuerySchema = pageQuerySchema({ size: 10 });

const name = z.string().trim().min(1).max(255);
const description = z.string().max(2000);

/** What comes beside the file of an upload. */
export const DatasetFormSchema = z.strictObject({ name, description: description.optional() });

/** Taken and not looked at, so that a dataset that was read can be sent back, changed. */
const READ_ONLY = [
  'id',
  'filename',
  'file_path',
  'file_type',
  'file_size',
  'row_count',
  'column_count',
  'columns',
  'created_at',
  'updated_at',
] as const;

export const UpdateDatasetSchema = z
  .strictObject({ name: orLeftOut(name), description: description.nullable().optional(), ...ignored(READ_ONLY) })
  .meta({ id: 'UpdateDataset', example: { name: 'Updated Name', description: 'Updated description' } });
export type UpdateDataset = z.infer<typeof UpdateDatasetSchema>;

export const ManagerDatasetSchema = z
  .object({
    id: z.int(),
    name: z.string(),
    description: z.string().nullable(),
    filename: z.string(),
    file_path: z.string().describe('What jobs and other faces call it; no path of the host.'),
    file_type: z
      .string()
      .describe('`csv`, `json` or `jsonl`; of other faces also what they take, `folder` for many files.'),
    file_size: z.int().describe('Bytes that came.'),
    row_count: z.int().nullable().describe('Null while a large file is still read; of pictures their number.'),
    column_count: z.int().nullable(),
    columns: z.string().nullable().describe('A JSON array of their names, as text.'),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({
    id: 'Dataset',
    example: {
      id: 1,
      name: 'Training Dataset',
      description: 'Sample training data',
      filename: 'data.csv',
      file_path: 'data/datasets/uploads/0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d/data.csv',
      file_type: 'csv',
      file_size: 1024,
      row_count: 100,
      column_count: 2,
      columns: '["input", "output"]',
      created_at: '2026-01-15T10:30:00Z',
      updated_at: '2026-01-15T10:30:00Z',
    },
  });
export type ManagerDataset = z.infer<typeof ManagerDatasetSchema>;

export const DatasetPageSchema = pageOfSchema(ManagerDatasetSchema).meta({ id: 'DatasetPage' });
