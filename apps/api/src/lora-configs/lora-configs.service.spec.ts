import { describe, expect, it, jest } from '@jest/globals';
import { CreateLoraConfigSchema, fieldError, type LoraConfig } from '@influencerai/shared';
import { aPrincipal } from '../../test/a-principal.js';
import { LoraConfigsService } from './lora-configs.service.js';

const CALLER = aPrincipal();

const aConfig = (change: Partial<LoraConfig> = {}): LoraConfig => ({
  id: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
  tenantId: CALLER.tenantId,
  ...CreateLoraConfigSchema.parse({ name: 'a', modelName: 'sd15' }),
  createdAt: '2025-01-15T11:00:00.000Z',
  updatedAt: '2025-01-15T11:00:00.000Z',
  ...change,
});

function aService(config = aConfig()) {
  const configs = {
    create: jest.fn(() => Promise.resolve(config)),
    update: jest.fn(() => Promise.resolve(config)),
    getById: jest.fn(() => Promise.resolve(config)),
    delete: jest.fn(() => Promise.resolve(config)),
  };
  const assertWritable = jest.fn(({ path }: { path: string }) =>
    path.startsWith('data/') && !path.startsWith('data/file')
      ? Promise.resolve()
      : Promise.reject(fieldError(['path'], 'refused')),
  );
  const service = new LoraConfigsService(configs as never, { assertWritable } as never);
  return { service, configs };
}

describe(LoraConfigsService.name, () => {
  it('should refuse an output path before it writes', async () => {
    const { service, configs } = aService();
    const input = CreateLoraConfigSchema.parse({ name: 'a', modelName: 'sd15', outputPath: '/etc' });
    await expect(service.create(CALLER, input)).rejects.toMatchObject({
      details: { issues: [{ path: ['outputPath'] }] },
    });
    await expect(service.update(CALLER, 'id', { outputPath: '/etc' })).rejects.toMatchObject({
      code: 'validation_failed',
    });
    expect([configs.create, configs.update].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });

  it.each(['data/file', 'data/file/'])('should refuse the output path %s, which is a file', async (outputPath) => {
    const { service, configs } = aService();
    await expect(service.update(CALLER, 'id', { outputPath })).rejects.toMatchObject({
      details: { issues: [{ path: ['outputPath'] }] },
    });
    expect(configs.update).not.toHaveBeenCalled();
  });

  it('should not write a change of nothing', async () => {
    const { service, configs } = aService();
    expect(await service.update(CALLER, 'id', { epochs: undefined })).toEqual(aConfig());
    expect(configs.update).not.toHaveBeenCalled();
  });

  it.each([
    [true, ['Deleted the default LoRA configuration. Consider setting a new default.']],
    [false, []],
  ])('should warn about the default: %s', async (isDefault, warnings) => {
    const { service } = aService(aConfig({ isDefault }));
    expect(await service.delete(CALLER, 'id')).toEqual({ success: true, warnings });
  });
});
