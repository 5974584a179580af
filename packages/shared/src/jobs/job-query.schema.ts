import { z } from 'zod';

export const QueryJobSchema = z
  .strictObject({
    query: z
      .string()
      .trim()
      .min(1)
      .max(1000)
      .describe('What to look for, in words. It is no language: operators have no meaning.'),
    limit: z.int().min(1).max(50).default(10).describe('Passages, at most (1-50).'),
  })
  .meta({ example: { query: 'How do I reset my password?', limit: 5 } });
export type QueryJob = z.infer<typeof QueryJobSchema>;

export const QueryAnswerSchema = z
  .object({
    mode: z
      .enum(['text', 'hybrid'])
      .describe('`hybrid`: by words and by vectors, ranks merged. `text`: by words alone, where there are no vectors.'),
    data: z
      .array(
        z.object({
          row: z.int().describe('Number of the row in the dataset, from 1; rows that say nothing do not count.'),
          text: z.string().describe('The row, or the part of a long one.'),
          score: z.number().describe('Higher is better; comparable within one answer alone.'),
        }),
      )
      .describe('Best first.'),
  })
  .meta({
    example: {
      mode: 'hybrid' as const,
      data: [{ row: 17, text: 'To reset your password, open the settings.', score: 0.0325 }],
    },
  });
export type QueryAnswer = z.infer<typeof QueryAnswerSchema>;
