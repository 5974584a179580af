import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a link opens. */
export interface LinkTarget {
  tenantId: string;
  jobId: string;
  name: string;
  /** Of the content: a link does not open what took the file's place. */
  sha256: string;
  /** Seconds since 1970. */
  expires: number;
}

export type LinkSecret = string | Buffer;

export const sign = (secret: LinkSecret, target: LinkTarget): string =>
  createHmac('sha256', secret).update(textOf(target)).digest('base64url');

/** Whether one of the secrets signed it. Takes the same time wherever the signature differs. */
export const isSigned = (secrets: readonly LinkSecret[], target: LinkTarget, signature: string): boolean =>
  secrets.map((secret) => isSame(sign(secret, target), signature)).includes(true);

/** As a list, so that no two targets have one text; the word in front keeps it apart from whatever else may be signed. */
const textOf = ({ tenantId, jobId, name, sha256, expires }: LinkTarget): string =>
  JSON.stringify(['artifact', tenantId, jobId, name, sha256, expires]);

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
