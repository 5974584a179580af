import type { Face } from '../../http/face.js';
import { fromError, statusOf } from './submit.mapper.js';
import { SubmitErrorSchema } from './submit.schema.js';

export const SUBMIT: Face = {
  name: 'submit',
  title: 'Training submissions',
  description:
    'Upload a dataset, submit a training job, read its results. At most 2 jobs of a user run at a time; further ones are ' +
    '`queued` and start by themselves. In development mode any bearer token names a user of `tenant_demo`.',
  development: 'bearer-names-user',
  errorSchema: SubmitErrorSchema,
  fromError,
  statusOf,
};
