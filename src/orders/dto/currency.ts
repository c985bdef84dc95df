import { isISO4217CurrencyCode, ValidateBy } from 'class-validator';

/** An ISO 4217 code as the standard writes it, in capitals. */
export function IsCurrency(): PropertyDecorator {
  return ValidateBy({
    name: 'isCurrency',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' && /^[A-Z]{3}$/.test(value) && isISO4217CurrencyCode(value),
      defaultMessage: () => '$property must be an ISO 4217 currency code',
    },
  });
}
