import { Global, Module } from '@nestjs/common';
import { JobNotifications } from './job-notifications.js';

@Global()
@Module({ providers: [JobNotifications], exports: [JobNotifications] })
export class EventsModule {}
