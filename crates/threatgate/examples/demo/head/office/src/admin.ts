import { Router } from 'express'

import { findCustomers, formatCustomer } from './customers/index'

/** What only administrators see. */
export const admin = Router()

admin.get('/customers', async (_request, response) => {
    const customers = await findCustomers()
    response.json(customers.map(formatCustomer))
})

admin.delete('/customers/:id', async (request, response) => {
    response.json({ deleted: request.params.id })
})

admin.post(
    '/customers/:id/block',
    async (request, response) => {
        response.json({ blocked: request.params.id })
    },
)
