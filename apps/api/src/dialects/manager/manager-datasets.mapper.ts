import { Readable } from 'node:stream';
import { AppError, type Dataset, type DescribeDataset } from '@influencerai/shared';
import { z } from 'zod';
import type { FormPart } from '../../http/multipart.js';
import { toFieldIssues } from '../../http/validation.pipe.js';
import { ROW_FILE_TYPES, type RowFile, takeRowFile } from '../../uploads/row-file.js';
import { toStamp } from './manager.mapper.js';
import { DatasetFormSchema, type ManagerDataset, type UpdateDataset } from './manager-datasets.schema.js';

/** What an upload of this face is described with, in the `meta` of the dataset. */
const FileSchema = z.object({
  name: z.string(),
  storedName: z.string(),
  type: z.enum(ROW_FILE_TYPES),
  sizeBytes: z.int(),
});

/**
 * The parts of a form as the domain has them: one file of rows, looked at while it passes, then what it is called.
 * @throws AppError `validation_failed` while the parts are read
 */
export async function* toUpload(parts: AsyncIterable<FormPart>): AsyncGenerator<FormPart> {
  yield { type: 'field', name: 'kind', value: 'fine-tuning' };
  const fields: Record<string, string> = {};
  let taken: { name: string; file: RowFile } | undefined;
  for await (const part of parts) {
    if (part.type === 'field') {
      fields[part.name] = part.value;
      continue;
    }
    if (part.name !== 'file' || taken) throw malformed(part.name, 'Send one file, as "file".');
    taken = { name: part.fileName, file: takeRowFile(part.fileName, part.content) };
    yield { ...part, name: 'files', fileName: taken.file.name, content: toStream(taken.file.content) };
  }
  const { name, description } = readFields(fields);
  if (!taken) throw malformed('file', 'Field required');
  const { file } = taken;
  const described = { name: taken.name, storedName: file.name, type: file.type, sizeBytes: file.sizeBytes() };
  yield { type: 'field', name: 'name', value: name };
  const meta = { ...(description !== undefined && { description }), file: described };
  yield { type: 'field', name: 'meta', value: JSON.stringify(meta) };
}

const toStream = (content: AsyncIterable<Buffer>): Readable => Readable.from(content, { objectMode: false });

function readFields(fields: Record<string, string>): z.infer<typeof DatasetFormSchema> {
  const { success, data, error } = DatasetFormSchema.safeParse(fields);
  if (success) return data;
  throw new AppError('validation_failed', { part: 'body', issues: error.issues.flatMap(toFieldIssues) });
}

const malformed = (field: string, message: string): AppError =>
  new AppError('validation_failed', { part: 'body', issues: [{ path: [field], message }] });

export const toDescription = ({ name, description }: UpdateDataset): DescribeDataset => ({ name, description });

export function fromDataset({ number, path, meta, stats, upload, createdAt, updatedAt }: Dataset): ManagerDataset {
  const file = FileSchema.safeParse(meta['file']).data;
  const lastName = path.split('/').findLast((part) => part !== '') ?? path;
  return {
    id: number,
    name: textOf(meta['name']) ?? lastName,
    description: textOf(meta['description']) ?? null,
    filename: file?.name ?? lastName,
    file_path: file ? `${path}/${file.storedName}` : path,
    file_type: file?.type ?? /\.(jsonl|csv|txt)$/i.exec(path)?.[1]?.toLowerCase() ?? 'folder',
    file_size: file?.sizeBytes ?? upload?.bytes ?? stats?.bytes ?? 0,
    row_count: stats && (stats.rows || stats.images),
    column_count: stats && stats.columns.length,
    columns: stats && `[${stats.columns.map((column) => JSON.stringify(column)).join(', ')}]`,
    created_at: toStamp(createdAt),
    updated_at: toStamp(updatedAt),
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
