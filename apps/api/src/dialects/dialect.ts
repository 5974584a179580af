import type { Type } from '@nestjs/common';
import type { Face } from '../http/face.js';

/** A face and where its modules stand. Two faces may share a path, never a route. */
export interface Dialect {
  face: Face;
  mounts: readonly { path: string; module: Type }[];
}
