import { z } from 'zod';

const MAX_NAME_BYTES = 1024;

/**
 * Name of a file below a dataset's folder, with "/" between folders. The API hands out no other, and workers, which make
 * files of these names, take no other from it.
 */
export const DatasetFileNameSchema = z
  .string()
  .refine(
    (name) => !/[\0\\]/.test(name) && name.split('/').every((part) => part !== '' && !part.startsWith('.')),
    'Must be a path below the dataset: plain names with "/" between, none of them hidden, "." or "..".',
  )
  .refine((name) => sizeOf(name) <= MAX_NAME_BYTES, `Must have at most ${MAX_NAME_BYTES} bytes.`);

const sizeOf = (text: string): number => new TextEncoder().encode(text).length;

export const JobDatasetFileSchema = z.object({
  name: DatasetFileNameSchema.describe('Path below the folder of the dataset.'),
  sizeBytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  url: z.string().describe('Where to download it; supports ranges.'),
});
export type JobDatasetFile = z.infer<typeof JobDatasetFileSchema>;

export const JobDatasetSchema = z
  .object({
    data: z.array(JobDatasetFileSchema).describe('The files that training reads, by name, as they are now.'),
    digest: z.string().describe('sha256 over their names and hashes: another one means other files.'),
  })
  .meta({
    example: {
      data: [
        {
          name: 'portrait-01.png',
          sizeBytes: 1_482_113,
          sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
          url: '/jobs/0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2/dataset/files?name=portrait-01.png',
        },
      ],
      digest: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
    },
  });
export type JobDataset = z.infer<typeof JobDatasetSchema>;

export const GetDatasetFileQuerySchema = z.strictObject({
  name: DatasetFileNameSchema.describe('A name that `GET /jobs/:id/dataset` lists.'),
});
export type GetDatasetFileQuery = z.infer<typeof GetDatasetFileQuerySchema>;
