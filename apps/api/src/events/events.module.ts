import { Global, Module } from '@nestjs/common';
import { JobNotifications } from './job-notifications.js';
import { OpenStreams } from './open-streams.js';

@Global()
@Module({ providers: [JobNotifications, OpenStreams], exports: [JobNotifications, OpenStreams] })
export class EventsModule {}
