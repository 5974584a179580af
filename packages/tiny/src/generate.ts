import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { generate, NO_LORA, readLora } from './generation.js';

const ArgumentsSchema = z.object({
  base: z.enum(['image', 'text']).default('image'),
  lora: z.string().optional(),
  prompt: z.string(),
  seed: z.coerce.number().int().default(0),
  out: z.string().optional(),
});

/** The `generate` command: one prompt, with or without a LoRA. @returns the exit code */
export const runGenerate = async (argv: string[]): Promise<number> => {
  const { values } = parseArgs({
    args: argv,
    options: {
      base: { type: 'string' },
      lora: { type: 'string' },
      prompt: { type: 'string' },
      seed: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const parsed = ArgumentsSchema.safeParse(values);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const { base: kind, lora: loraPath, prompt, seed, out } = parsed.data;

  const lora = loraPath === undefined ? NO_LORA : readLora(kind, await readFile(loraPath));
  const made = await generate({ kind, prompt, seed, lora });
  if (kind === 'text') {
    const text = `${new TextDecoder().decode(made)}\n`;
    if (out) await writeFile(out, text);
    else process.stdout.write(text);
    return 0;
  }
  const path = out ?? 'out.png';
  await writeFile(path, made);
  process.stdout.write(`${path}\n`);
  return 0;
};
