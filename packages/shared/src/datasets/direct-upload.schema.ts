import { z } from 'zod';
import { UploadDatasetSchema } from './dataset.schema.js';

export const CreateDirectUploadSchema = UploadDatasetSchema.extend({
  filename: z
    .string()
    .min(1)
    .max(1024)
    .describe('Its ending says what it is: a picture, rows, or a `.zip`, `.tar`, `.tar.gz` or `.tgz` of them.'),
  sizeBytes: z.int().min(1).describe('The bucket takes no other size; at most 5 GiB.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'Must be 64 hexadecimal digits, in lower case.')
    .optional()
    .describe('Compared with what has arrived before anything is made of it.'),
}).meta({ example: { kind: 'lora-training', name: 'Portraits', filename: 'portraits.tar.gz', sizeBytes: 1_482_113 } });
export type CreateDirectUpload = z.infer<typeof CreateDirectUploadSchema>;

export const DirectUploadSchema = z
  .object({
    id: z.string().describe('Of the upload, and of the dataset that `POST /uploads/:id/dataset` makes of it.'),
    url: z.string().describe('Of the bucket: PUT the file there, whole and without credentials.'),
    expiresAt: z.iso.datetime().describe('When the address stops to work.'),
  })
  .meta({
    example: {
      id: '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2',
      url: 'https://bucket.example/.uploads/0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2/tus?X-Amz-Signature=…',
      expiresAt: '2026-11-21T15:00:00.000Z',
    },
  });
export type DirectUpload = z.infer<typeof DirectUploadSchema>;
