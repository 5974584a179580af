import { describe, expect, it } from '@jest/globals';
import { adviceFor, isUpToDate, parseInstalled } from './install-plan.js';

const wanted = { version: 'abc', lockDigest: '123' };
const installed = {
  name: 'trl',
  python: '3.11.9',
  torch: '2.9.1',
  installedAt: '2026-01-15T10:00:00.000Z',
  missing: [],
  ...wanted,
};

describe('isUpToDate', () => {
  it('should be content with the same source and the same lock only', () => {
    expect(isUpToDate(installed, wanted)).toBe(true);
    expect(isUpToDate({ ...installed, version: 'abd' }, wanted)).toBe(false);
    expect(isUpToDate({ ...installed, lockDigest: '124' }, wanted)).toBe(false);
    expect(isUpToDate(undefined, wanted)).toBe(false);
  });
});

describe('parseInstalled', () => {
  it('should read what an installation wrote, of earlier ones too', () => {
    expect(parseInstalled(JSON.stringify(installed))).toEqual(installed);
    expect(parseInstalled(JSON.stringify({ ...installed, missing: undefined }))).toEqual(installed);
  });

  it.each(['', '{"name": "trl", "vers', '{}', 'null'])('should take %j for no installation', (text) => {
    expect(parseInstalled(text)).toBeUndefined();
  });
});

describe('adviceFor', () => {
  it.each([
    ['error: failed to copy: No space left on device (os error 28)', 'The disk is full'],
    ['ensurepip is not available.  On Debian/Ubuntu', 'python3-venv'],
    ['error: No interpreter found for Python 3.11 in virtual environments or search path', 'Python 3.11 is needed'],
    ["fatal: unable to access 'https://x/': Could not resolve host: x", 'The network is not reachable'],
    ['fatal: remote error: upload-pack: not our ref 48d368f', 'does not hold the pinned commit'],
  ])('should say what to do about %j', (output, advice) => {
    expect(adviceFor(output)).toContain(advice);
  });

  it('should make nothing up', () => expect(adviceFor('Segmentation fault')).toBeUndefined());
});
