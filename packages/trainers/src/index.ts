export * from './registry.js';
export * from './resolve-trainer.js';
export { DRIVERS_DIR } from './driver.js';
export * from './models/model-entry.js';
export * from './models/model-registry.js';
export { specDigest } from './spec-digest.js';
export * from './text-row.js';
export * from './trainer.js';
export { explainExit } from './explain-exit.js';
