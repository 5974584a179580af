/** The beginning of a text, at most so many UTF-16 units. It never ends in half of a character, which PostgreSQL refuses. */
export const cutText = (text: string, maxLength: number): string =>
  text.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '');
