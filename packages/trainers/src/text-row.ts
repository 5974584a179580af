/** One example of a text dataset, in the kinds that trainers tell apart. */
export type TextRow =
  | { text: string }
  /** Learned: the completion only. */
  | { prompt: string; completion: string }
  | { messages: { role: string; content: string }[] };

/** A row as the plain text that a model learns to continue. */
export const plainText = (row: TextRow): string => {
  if ('text' in row) return row.text;
  if ('messages' in row) return row.messages.map(({ role, content }) => `${role}: ${content}`).join('\n');
  return row.prompt + row.completion;
};
