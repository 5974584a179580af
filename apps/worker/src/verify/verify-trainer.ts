import { join } from 'node:path';
import type { UpstreamId } from '@influencerai/trainers';
import type { Installed } from '../install/install-plan.js';
import { checkConfiguration } from './check-configuration.js';
import { isVerified, type Verification } from './check.js';
import { runDriverTests } from './driver-tests.js';
import { runSpecs } from './run-specs.js';

export interface VerifyInput {
  id: UpstreamId;
  trainersDir: string;
  installed: Installed;
  say: (text: string) => void;
}

/** Tries everything that this project asks of an installed trainer: it reads our files, and it trains. */
export const verifyTrainer = async ({ id, trainersDir, installed, say }: VerifyInput): Promise<Verification> => {
  say(`${id}: reading the planned configurations …`);
  const configuration = await checkConfiguration(id, join(trainersDir, id));
  say(`${id}: training for real; this takes minutes …`);
  const driven = await runDriverTests({ id, trainersDir, say });
  const checks = [...configuration, ...driven, ...(await runSpecs(id, trainersDir))];
  const { version, python, torch } = installed;
  return { trainer: id, version, python, torch, isVerified: isVerified(checks), checks };
};
