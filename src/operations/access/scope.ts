import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** What an operator may do: look, put dead letters back, delete them for good. */
export type Scope = 'read' | 'replay' | 'discard';

/** Key of the metadata that {@link NeedsScope} leaves. */
export const SCOPE_METADATA = 'operations:scope';

/** Says what a route needs. Without it a route that reads needs `read`, and any other needs `discard`. */
export const NeedsScope = (scope: Scope): CustomDecorator => SetMetadata(SCOPE_METADATA, scope);
