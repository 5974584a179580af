import { AppError } from '@influencerai/shared';

/**
 * The inclusive byte range that a `Range` header asks for (RFC 9110, section 14); undefined for the whole file, also
 * for headers with several ranges or other units, which a server may ignore, and for a range that ends before it
 * starts, which it must.
 * @throws AppError `range_not_satisfiable`
 */
export function parseRange(header: string | undefined, sizeBytes: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, first, last] = match;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start >= sizeBytes) throw new AppError('range_not_satisfiable', { range: header, sizeBytes });
  return { start, end };
}
