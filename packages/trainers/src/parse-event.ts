import { TrainerEventSchema, type TrainerEvent } from '@influencerai/shared';

/** Programs of ours print one event per line of standard output, as a JSON object; anything else is a log line. */
export const parseEvent = (line: string, stream: 'stdout' | 'stderr'): TrainerEvent | undefined => {
  if (stream !== 'stdout' || !line.startsWith('{')) return undefined;
  const parsed = TrainerEventSchema.safeParse(parseJson(line));
  return parsed.success ? parsed.data : undefined;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON after all: then it is a log line that happens to start with a brace.
    return undefined;
  }
};
