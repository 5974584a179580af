import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { generate, NO_LORA, readLora } from './generation.js';

/** The first line of what a program sends that asks for one generation; the LoRA's file follows it. */
export const ServeRequestSchema = z.strictObject({
  kind: z.enum(['image', 'text']),
  /** Without one the LoRA is only read, to see whether it fits. */
  prompt: z.string().optional(),
  seed: z.int().default(0),
  maxBytes: z.int().min(1).default(160),
});
export type ServeRequest = z.input<typeof ServeRequestSchema>;

/**
 * The `serve-once` command: a line of JSON and the bytes of a LoRA (or none) on standard input, a PNG file or the text
 * that follows the prompt on standard output. Nothing is written to disk, and nothing of the caller's stands among the
 * arguments, which other processes can read.
 * @returns the exit code
 */
export const runServeOnce = async (input: NodeJS.ReadableStream): Promise<number> => {
  const bytes = await buffer(input);
  const end = bytes.indexOf('\n');
  const { kind, prompt, seed, maxBytes } = ServeRequestSchema.parse(
    JSON.parse(bytes.subarray(0, end < 0 ? bytes.length : end).toString()),
  );
  const file = end < 0 ? new Uint8Array() : bytes.subarray(end + 1);
  const lora = file.length === 0 ? NO_LORA : readLora(kind, file);
  if (prompt === undefined) return 0;
  const made = await generate({ kind, prompt, seed, lora, maxBytes });
  const isPromptRepeated = kind === 'text';
  await write(isPromptRepeated ? made.subarray(new TextEncoder().encode(prompt).length) : made);
  return 0;
};

/** The process may end only when its reader has everything. */
const write = (bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())));
