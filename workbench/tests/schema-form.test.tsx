// @vitest-environment happy-dom
import { cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { afterEach, expect, it } from 'vitest'
import type { Json, Schema } from '@/api/types'
import { blank, fieldOf } from '@/forms/schema'
import { SchemaForm } from '@/forms/schema-form'

afterEach(cleanup)

const ORDER: Schema = {
  type: 'object',
  properties: {
    customer: { type: 'string' },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null },
    method: { enum: ['card', 'paypal'] },
    items: { type: 'array', items: { $ref: '#/$defs/Item' } },
    extra: {},
  },
  required: ['customer', 'items'],
  $defs: {
    Item: {
      type: 'object',
      properties: { id: { type: 'string' }, quantity: { type: 'integer', minimum: 1 } },
      required: ['id', 'quantity'],
    },
  },
}

function Form({ first, told }: { first: Json; told: (value: Json | undefined) => void }) {
  const [value, setValue] = useState<Json | undefined>(first)
  return (
    <SchemaForm
      schema={ORDER}
      root={ORDER}
      value={value}
      onChange={next => {
        setValue(next)
        told(next)
      }}
    />
  )
}

it('fills a nested value, and leaves out what is empty', async () => {
  let value: Json | undefined
  render(<Form first={{}} told={next => (value = next)} />)
  const user = userEvent.setup()
  await user.type(screen.getByLabelText(/^customer/), 'ada')
  await user.selectOptions(screen.getByLabelText(/^method/), 'paypal')
  await user.click(screen.getByRole('button', { name: 'Add' }))
  await user.type(screen.getByLabelText(/^id/), 'p1')
  await user.clear(screen.getByLabelText(/^quantity/))
  await user.type(screen.getByLabelText(/^quantity/), '3')
  expect(value).toEqual({ customer: 'ada', method: 'paypal', items: [{ id: 'p1', quantity: 3 }] })
  await user.selectOptions(screen.getByLabelText(/^method/), '')
  expect(value).not.toHaveProperty('method')
})

it('takes JSON where no field fits, and says when it is none', async () => {
  let value: Json | undefined
  render(<Form first={{}} told={next => (value = next)} />)
  const extra = screen.getByLabelText(/^extra/)
  await userEvent.type(extra, '[[1')
  expect(extra.getAttribute('aria-invalid')).toBe('true')
  await userEvent.type(extra, ']')
  expect(extra.getAttribute('aria-invalid')).toBe('false')
  expect(value).toEqual({ extra: [1] })
})

it('reads references, unions with null and loops', () => {
  expect(fieldOf({ $ref: '#/$defs/Item' }, ORDER).kind).toBe('object')
  expect(fieldOf({ anyOf: [{ type: 'string' }, { type: 'null' }] }, ORDER)).toMatchObject({
    kind: 'text',
    nullable: true,
  })
  const loop: Schema = { $ref: '#/$defs/A', $defs: { A: { $ref: '#/$defs/A' } } }
  expect(fieldOf(loop, loop).kind).toBe('json')
  expect(blank({ $ref: '#/$defs/Item' }, ORDER)).toEqual({ id: '', quantity: 1 })
})

it('shows what holds while an optional field is left out', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      express: { type: 'boolean', default: false },
      size: { enum: ['s', 'm'], default: 'm' },
      copies: { type: 'integer', default: 2 },
      card: { type: 'string', default: '' },
    },
  }
  render(<SchemaForm schema={schema} root={schema} value={{}} onChange={() => undefined} />)
  expect(screen.getByLabelText('express')).toHaveProperty('selectedOptions.0.textContent', 'false (default)')
  expect(screen.getByLabelText('size')).toHaveProperty('selectedOptions.0.textContent', 'm (default)')
  expect(screen.getByLabelText('copies')).toHaveProperty('placeholder', '2 (default)')
  expect(screen.getByLabelText('card')).toHaveProperty('placeholder', '')
})
