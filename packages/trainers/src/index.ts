export * from './registry.js';
export * from './resolve-trainer.js';
export * from './trainer.js';
export { explainExit } from './explain-exit.js';
