import { Module } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { DIALECTS } from './dialects.js';

const mounts = DIALECTS.flatMap((dialect) => dialect.mounts);

/** Mounts the faces at the paths that their clients know. */
@Module({ imports: [...mounts.map(({ module }) => module), RouterModule.register([...mounts])] })
export class DialectsModule {}
