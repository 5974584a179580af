import { z } from 'zod';

const EnvSchema = z.object({
  API_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL that starts with http:// or https://' })
    .default('http://localhost:3001'),
  API_KEY: z.string().optional(),
});

/** Where the API is and who is asking. @throws Error that names what is wrong */
export function readAdminEnv(environment: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = EnvSchema.safeParse(given);
  if (!parsed.success)
    throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}.`).join(' '));
  return { apiUrl: parsed.data.API_URL, apiKey: parsed.data.API_KEY };
}
