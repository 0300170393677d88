const answer = await fetch('api/orders')
const { orders, by_status: byStatus } = await answer.json()
const rows = document.querySelector('#rows')
for (const [status, count] of Object.entries(byStatus)) {
  const row = rows.insertRow()
  row.insertCell().textContent = status
  row.insertCell().textContent = String(count)
}
document.querySelector('#note').textContent = orders === 0 ? 'No orders yet: send one from Endpoints.' : ''
