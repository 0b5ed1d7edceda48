/**
 * The JSON Schema of `dockwarden.yml`, for editors: which keys there are, what they mean, and as much
 * of what they may hold as such a schema can say. The loader says the rest.
 */

import { z } from 'zod'
import { configSchema } from './schema.ts'

type JsonSchema = z.core.JSONSchema.JSONSchema

/** In draft 2020-12. What it refuses, the loader refuses too. */
export function configJsonSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'dockwarden.yml',
    description: 'The configuration of Dockwarden.',
    ...forYaml(z.toJSONSchema(configSchema, { io: 'input' })),
  }
}

/** Our YAML knows texts alone, an editor's numbers and booleans too: `max: 10` is as good as `max: "10"`. */
function forYaml(schema: JsonSchema): JsonSchema {
  if (schema.type === 'string') return scalar(schema)
  const { properties, items, anyOf, additionalProperties, propertyNames } = schema
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, each]) => [key, forYaml(each as JsonSchema)]),
      ),
    }),
    ...(typeof items === 'object' && { items: forYaml(items as JsonSchema) }),
    ...(anyOf && { anyOf: alternatives(anyOf as JsonSchema[]) }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: forYaml(additionalProperties),
    }),
    // A key is a text to everybody.
    ...(typeof propertyNames === 'object' && { propertyNames }),
  }
}

/** A list last: editors complain in the words of the first that comes near. */
function alternatives(schemas: readonly JsonSchema[]): JsonSchema[] {
  const written = schemas
    .map(forYaml)
    .flatMap((each) =>
      Object.keys(each).join() === 'anyOf' ? (each.anyOf as JsonSchema[]) : [each],
    )
  return [
    ...written.filter(({ type }) => type !== 'array'),
    ...written.filter(({ type }) => type === 'array'),
  ]
}

// What the environment fills in may be anything.
const variable = '\\$\\{[A-Z_][A-Z0-9_]*(:-[^{}]*)?\\}'
const noOtherVariable = `(?!.*\\$\\{(?![A-Z_][A-Z0-9_]*(:-[^{}]*)?\\}))`
// As `text` of schema-parts.ts.
const anyText = '^(?!\\s)[^\\u0000-\\u001f\\u007f-\\u009f]+(?<!\\s)$'

function scalar({ enum: words, const: word, ...schema }: JsonSchema): JsonSchema {
  const choice = words ?? (word === undefined ? undefined : [word])
  if (choice !== undefined) {
    return { ...schema, anyOf: [{ enum: choice }, { type: 'string', pattern: variable }] }
  }
  const { pattern = anyText, ...rest } = schema
  const isFit = (text: string) => new RegExp(pattern).test(text)
  const number = isFit('1.5') ? ['number'] : isFit('1') ? ['integer'] : []
  const types = ['string', ...number, ...(isFit('true') ? ['boolean'] : [])]
  // Those of rules stand in patterns that know them.
  const others = isFit('{}') ? noOtherVariable : ''
  return { ...rest, type: types as never, pattern: `${others}${pattern}|${variable}` }
}
