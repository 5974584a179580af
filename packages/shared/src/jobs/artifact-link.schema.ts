import { z } from 'zod';
import { fromDigits } from '../http/page.schema.js';

/** A week: no S3 signs for longer. */
export const MAX_LINK_SECONDS = 604_800;

export const GetArtifactQuerySchema = z.strictObject({
  redirect: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe('`true` answers 302 to a link that needs no credentials, in place of the file.'),
});
export type GetArtifactQuery = z.infer<typeof GetArtifactQuerySchema>;

export const GetArtifactLinkQuerySchema = z.strictObject({
  expiresInSeconds: fromDigits(z.int().min(1).max(MAX_LINK_SECONDS))
    .optional()
    .describe(
      'How long it opens the file. Default: 300, or what the service sets; it may also set a smaller limit, mostly 3600.',
    ),
});
export type GetArtifactLinkQuery = z.infer<typeof GetArtifactLinkQuerySchema>;

export const ArtifactLinkSchema = z
  .object({
    url: z
      .string()
      .describe('Opens the file without credentials. Without a host, it is one of this API, like other `url`s.'),
    expiresAt: z.iso.datetime().describe('When it stops to. A download that has begun goes on.'),
  })
  .meta({
    example: {
      url: '/downloads/tenant_demo/0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2/final.safetensors?sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08&expires=1795273500&signature=c2lnbmF0dXJlLW9mLXRoaXMtbGluay1leGFtcGxlISE',
      expiresAt: '2026-11-21T14:05:00.000Z',
    },
  });
export type ArtifactLink = z.infer<typeof ArtifactLinkSchema>;
