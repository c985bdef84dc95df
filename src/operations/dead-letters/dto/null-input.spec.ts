import { BadRequestException, type Type } from '@nestjs/common';
import { CheckedInput } from '../../http/checked-input.js';
import { StartReplayDto } from './replay-job.dto.js';
import { DiscardDto, ListDto, ReplayDto } from './requests.dto.js';

describe('null where a value may be left out', () => {
  it.each<[Type, object]>([
    [StartReplayDto, { filter: null }],
    [StartReplayDto, { filter: { orderId: null } }],
    [StartReplayDto, { ratePerSecond: null }],
    [StartReplayDto, { dryRun: null }],
    [StartReplayDto, { reason: null }],
    [ListDto, { until: null }],
    [ReplayDto, { payload: null }],
    [DiscardDto, { reason: null }],
    [StartReplayDto, []],
    [StartReplayDto, [{}]],
  ])('is refused by %p: %j', async (metatype, body) => {
    const taken = new CheckedInput().transform(body, { type: 'body', metatype });
    await expect(taken).rejects.toThrow(BadRequestException);
  });
});
