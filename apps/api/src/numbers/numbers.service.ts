import { Injectable } from '@nestjs/common';
import { AppError } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { NUMBERED, type Numbered, NumbersRepository } from './numbers.repository.js';

/** Numbers of rows, by which clients call them that know no other ids. Each tenant counts its own, from 1. */
@Injectable()
export class NumbersService {
  constructor(private readonly numbers: NumbersRepository) {}

  /** @throws AppError `dataset_not_found`, `job_not_found` */
  async idOf(caller: Principal, table: Numbered, number: number): Promise<string> {
    const id = (await this.findIds(caller, table, [number])).get(number);
    if (id === undefined) throw new AppError(NUMBERED[table], { id: number });
    return id;
  }

  /** Ids by number; of numbers that no row of the tenant has there is none. */
  findIds({ tenantId }: Principal, table: Numbered, numbers: readonly number[]): Promise<Map<number, string>> {
    return this.numbers.findIds(tenantId, table, numbers);
  }
}
