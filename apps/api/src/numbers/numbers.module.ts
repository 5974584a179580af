import { Module } from '@nestjs/common';
import { NumbersRepository } from './numbers.repository.js';
import { NumbersService } from './numbers.service.js';

@Module({ providers: [NumbersService, NumbersRepository], exports: [NumbersService] })
export class NumbersModule {}
