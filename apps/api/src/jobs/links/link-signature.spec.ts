import { describe, expect, it } from '@jest/globals';
import { readAddress, toAddress } from './link-address.js';
import { isSigned, type LinkTarget, sign } from './link-signature.js';

const SECRET = 'a secret of at least thirty-two bytes';
const TARGET: LinkTarget = {
  tenantId: 'acme',
  jobId: 'j1',
  name: 'a.png',
  sha256: 'f'.repeat(64),
  expires: 1_800_000_000,
};

describe(sign.name, () => {
  it('should be believed when any of the secrets signed it', () => {
    const signature = sign(SECRET, TARGET);
    expect(isSigned([SECRET], TARGET, signature)).toBe(true);
    expect(isSigned(['the one that signs now, just as long', Buffer.from(SECRET)], TARGET, signature)).toBe(true);
    expect(isSigned(['the one that signs now, just as long'], TARGET, signature)).toBe(false);
    expect(isSigned([], TARGET, signature)).toBe(false);
  });

  it.each([
    { tenantId: 'acme2' },
    { jobId: 'j2' },
    { name: 'b.png' },
    { sha256: '0'.repeat(64) },
    { expires: 1_800_000_001 },
    // Moved from one part to the next.
    { tenantId: 'acm', jobId: 'ej1' },
    { tenantId: 'acme","j1', jobId: '' },
  ])('should not be good for %j', (change) => {
    expect(isSigned([SECRET], { ...TARGET, ...change }, sign(SECRET, TARGET))).toBe(false);
  });

  it.each(['', 'x', sign(SECRET, TARGET).slice(1), `${sign(SECRET, TARGET)}=`, 'é'.repeat(43)])(
    'should not be %j',
    (signature) => expect(isSigned([SECRET], TARGET, signature)).toBe(false),
  );
});

describe(readAddress.name, () => {
  const LINK = { ...TARGET, name: 'ä b.png', signature: 'abc' };
  const { sha256, signature } = LINK;
  const parts = { tenantId: 'acme', jobId: 'j1', name: 'ä b.png', sha256, expires: '1800000000', signature };

  it('should read what was written', () => {
    expect(toAddress(LINK)).toBe(`/downloads/acme/j1/%C3%A4%20b.png?sha256=${sha256}&expires=1800000000&signature=abc`);
    expect(readAddress(parts)).toEqual(LINK);
  });

  it.each([
    { expires: undefined },
    { expires: '' },
    { expires: '01800000000' },
    { expires: '1e9' },
    { expires: '-1' },
    { expires: ['1800000000', '1900000000'] },
    { signature: undefined },
    { signature: ['abc', 'abd'] },
    { more: 'x' },
  ])('should take nothing else for a link: %j', (change) => {
    expect(readAddress({ ...parts, ...change })).toBeUndefined();
  });
});
