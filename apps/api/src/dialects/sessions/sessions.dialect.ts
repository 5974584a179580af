import type { Dialect } from '../dialect.js';
import { SESSIONS } from './sessions.face.js';
import { TrainingSessionsModule } from './training-sessions.module.js';

export const SESSIONS_DIALECT: Dialect = {
  face: SESSIONS,
  mounts: [{ path: 'sessions', module: TrainingSessionsModule }],
};
