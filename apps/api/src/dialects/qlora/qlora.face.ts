import type { Face } from '../../http/face.js';
import { fromError, statusOf } from './qlora.mapper.js';
import { QloraErrorSchema } from './qlora.schema.js';

export const QLORA: Face = {
  name: 'qlora',
  title: 'QLoRA training and adapters',
  description:
    'Train a language model on texts, follow the job, load the adapter that comes of it. In development mode nobody is asked ' +
    'who they are, and everybody acts for `tenant_demo`.',
  development: 'demo-tenant',
  errorSchema: QloraErrorSchema,
  fromError,
  statusOf,
};
