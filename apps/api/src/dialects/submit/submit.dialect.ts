import type { Dialect } from '../dialect.js';
import { SUBMIT } from './submit.face.js';
import { SubmitFilesModule } from './submit-files.module.js';
import { SubmitModule } from './submit.module.js';

export const SUBMIT_DIALECT: Dialect = {
  face: SUBMIT,
  mounts: [
    { path: 'api', module: SubmitModule },
    { path: 'public/training', module: SubmitFilesModule },
  ],
};
