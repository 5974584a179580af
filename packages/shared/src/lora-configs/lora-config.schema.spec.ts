import { describe, expect, it } from '@jest/globals';
import { CreateLoraConfigSchema, ListLoraConfigsQuerySchema, UpdateLoraConfigSchema } from './lora-config.schema.js';

const minimal = { name: 'Balanced', modelName: 'sd15' };
const create = (fields: object) => CreateLoraConfigSchema.safeParse({ ...minimal, ...fields });
const failedFields = (fields: object) => create(fields).error?.issues.map((issue) => issue.path.join('.'));

describe('CreateLoraConfigSchema', () => {
  it('should fill in the documented defaults', () => {
    expect(CreateLoraConfigSchema.parse(minimal)).toEqual({
      name: 'Balanced',
      description: null,
      modelName: 'sd15',
      epochs: 10,
      learningRate: 0.0001,
      batchSize: 1,
      resolution: 512,
      networkDim: 32,
      networkAlpha: 16,
      outputPath: null,
      meta: {},
      isDefault: false,
    });
  });

  it.each(['name', 'modelName'])('should require %s', (field) => {
    expect(failedFields({ [field]: undefined })).toEqual([field]);
  });

  it.each([
    ['epochs', 1, 1000],
    ['learningRate', 0.000001, 1],
    ['batchSize', 1, 64],
    ['resolution', 128, 2048],
    ['networkDim', 1, 512],
    ['networkAlpha', 1, 512],
  ])('should take %s from %d to %d', (field, least, most) => {
    expect(failedFields({ [field]: least })).toBeUndefined();
    expect(failedFields({ [field]: most })).toBeUndefined();
    expect(failedFields({ [field]: least - least / 2 })).toEqual([field]);
    expect(failedFields({ [field]: most + least })).toEqual([field]);
  });

  it.each(['epochs', 'batchSize', 'resolution', 'networkDim', 'networkAlpha'])(
    'should take whole numbers as %s',
    (field) => {
      expect(failedFields({ [field]: 200.5 })).toContain(field);
      expect(failedFields({ [field]: '20' })).toEqual([field]);
    },
  );

  it('should say what the least learning rate is', () => {
    expect(create({ learningRate: 0 }).error?.issues[0]?.message).toBe('Number must be greater than 0.000001');
  });

  it.each([
    ['name', 100],
    ['description', 500],
    ['outputPath', 255],
    ['modelName', 255],
  ])('should take up to that many characters as %s: %d', (field, most) => {
    expect(failedFields({ [field]: 'x'.repeat(most) })).toBeUndefined();
    expect(failedFields({ [field]: 'x'.repeat(most + 1) })).toEqual([field]);
  });

  it.each(['name', 'modelName', 'outputPath'])('should not take an empty %s', (field) => {
    expect(failedFields({ [field]: '' })).toEqual([field]);
  });

  it('should trim the name before it looks at its length', () => {
    expect(CreateLoraConfigSchema.parse({ ...minimal, name: '  Balanced ' }).name).toBe('Balanced');
    expect(failedFields({ name: '   ' })).toEqual(['name']);
  });

  it.each([
    ['a list', []],
    ['a text', 'fast'],
    ['null', null],
  ])('should not take %s as meta', (_, meta) => {
    expect(failedFields({ meta })).toEqual(['meta']);
  });

  it('should keep any JSON in meta', () => {
    const meta = { optimizer: 'AdamW8bit', minSnrGamma: 5, nested: { list: [1, null, 'x', false] } };
    expect(CreateLoraConfigSchema.parse({ ...minimal, meta }).meta).toEqual(meta);
  });

  it('should refuse fields it does not know', () => {
    expect(create({ learningrate: 0.1 }).error?.issues).toMatchObject([
      { code: 'unrecognized_keys', keys: ['learningrate'] },
    ]);
  });

  it('should name every wrong field at once', () => {
    expect(failedFields({ epochs: 0, batchSize: 65 })).toEqual(['epochs', 'batchSize']);
  });
});

describe('UpdateLoraConfigSchema', () => {
  it('should take any subset and add no defaults', () => {
    expect(UpdateLoraConfigSchema.parse({})).toEqual({});
    expect(UpdateLoraConfigSchema.parse({ epochs: 30, isDefault: true })).toEqual({ epochs: 30, isDefault: true });
  });

  it('should let optional texts be cleared', () => {
    expect(UpdateLoraConfigSchema.parse({ description: null, outputPath: null })).toEqual({
      description: null,
      outputPath: null,
    });
  });

  it('should hold to the same limits', () => {
    expect(UpdateLoraConfigSchema.safeParse({ epochs: 1001 }).success).toBe(false);
    expect(UpdateLoraConfigSchema.safeParse({ name: null }).success).toBe(false);
  });
});

describe('ListLoraConfigsQuerySchema', () => {
  it('should read isDefault as text', () => {
    expect(ListLoraConfigsQuerySchema.parse({ isDefault: 'true' }).isDefault).toBe(true);
    expect(ListLoraConfigsQuerySchema.parse({ isDefault: 'false' }).isDefault).toBe(false);
    expect(ListLoraConfigsQuerySchema.safeParse({ isDefault: 'yes' }).success).toBe(false);
  });

  it('should sort by name too', () => {
    expect(ListLoraConfigsQuerySchema.parse({ sortBy: 'name' })).toMatchObject({ sortBy: 'name', sortOrder: 'desc' });
    expect(ListLoraConfigsQuerySchema.parse({}).sortBy).toBe('createdAt');
    expect(ListLoraConfigsQuerySchema.safeParse({ sortBy: 'epochs' }).success).toBe(false);
  });
});
