import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppError } from '@influencerai/shared';
import { Database } from '../src/database/database.js';
import { TenantDatabase } from '../src/database/tenant-database.js';
import { NumbersRepository } from '../src/numbers/numbers.repository.js';
import { NumbersService } from '../src/numbers/numbers.service.js';
import { aPrincipal } from './a-principal.js';
import { JobsFixture } from './jobs-fixture.js';
import { OTHER_TENANT, startTestApp, TENANT, type TestApp } from './test-app.js';

let api: TestApp;
let numbers: NumbersService;

beforeAll(async () => {
  api = await startTestApp();
  numbers = new NumbersService(new NumbersRepository(api.app.get(TenantDatabase)));
});
afterAll(() => api.close());

const numbersOf = async (tenant: string) => {
  const { rows } = await api.app
    .get(Database)
    .pool.query<{ number: number }>('select number from job where tenant_id = $1 order by created_at, id', [tenant]);
  return rows.map(({ number }) => number);
};

describe('numbers of rows', () => {
  it('should count the rows of each tenant alone, however they come', async () => {
    const [mine, other] = [await JobsFixture.create(api), await JobsFixture.create(api, OTHER_TENANT)];
    for (const fixture of [mine, other, mine]) await fixture.submit();
    await Promise.all(Array.from({ length: 8 }, () => mine.submit()));
    expect((await numbersOf(TENANT)).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await numbersOf(OTHER_TENANT)).toEqual([1]);
  });

  it('should lead to the rows of the tenant that asks', async () => {
    const [mine, other] = [await JobsFixture.create(api), await JobsFixture.create(api, OTHER_TENANT)];
    const [caller, stranger] = [aPrincipal(), aPrincipal(OTHER_TENANT)];
    expect(await numbers.idOf(caller, 'dataset', mine.dataset.number)).toBe(mine.dataset.id);
    expect(await numbers.idOf(stranger, 'dataset', other.dataset.number)).toBe(other.dataset.id);
  });

  it.each([0, 2_147_483_647, Number.MAX_SAFE_INTEGER])('should find nothing by %i', async (number) => {
    await expect(numbers.idOf(aPrincipal(), 'job', number)).rejects.toEqual(
      new AppError('job_not_found', { id: number }),
    );
  });

  it('should not be turned back by a tenant', async () => {
    const forge = { name: 'forge-number', text: 'update tenant_number set last = 0' };
    await expect(api.app.get(TenantDatabase).query(TENANT, forge, [])).rejects.toThrow(/permission denied/);
  });
});
