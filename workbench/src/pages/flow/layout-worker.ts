/** Lays a flow out beside the page, which stays quick meanwhile. */

import { laidOut, type Shape } from '@/pages/flow/layout'

self.onmessage = ({ data }: MessageEvent<Shape>) => self.postMessage(laidOut(data))
