import type { Dialect } from '../dialect.js';
import { QLORA } from './qlora.face.js';
import { QloraModule } from './qlora.module.js';

export const QLORA_DIALECT: Dialect = { face: QLORA, mounts: [{ path: 'api', module: QloraModule }] };
