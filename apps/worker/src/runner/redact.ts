const MARK = '[secret]';

/** Makes a function that leaves none of the secrets in a text, neither as they are nor as a URL spells them. */
export const redactor = (secrets: readonly string[]): ((text: string) => string) => {
  const spellings = new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]));
  // The longest first: one may be part of another.
  const known = [...spellings].filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
  return (text) => known.reduce((clean, secret) => clean.replaceAll(secret, MARK), text);
};
