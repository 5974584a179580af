import type { Dialect } from '../dialect.js';
import { MANAGER } from './manager.face.js';
import { ManagerModule } from './manager.module.js';

export const MANAGER_DIALECT: Dialect = {
  face: MANAGER,
  mounts: [{ path: 'api/v1', module: ManagerModule }],
};
